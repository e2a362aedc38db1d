"""Poses of single images become tracks of people: identity, smoothing, the primary person."""
