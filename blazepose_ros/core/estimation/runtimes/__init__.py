# SPDX-License-Identifier: Apache-2.0
"""The libraries that run TFLite models, each behind the same small contract."""
