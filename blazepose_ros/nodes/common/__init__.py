# SPDX-License-Identifier: Apache-2.0
"""What the nodes share: parameters, life cycle, process, middleware."""
