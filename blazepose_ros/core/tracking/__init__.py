# SPDX-License-Identifier: Apache-2.0
"""Poses of single images become tracks of people: identity, smoothing, the primary person."""
