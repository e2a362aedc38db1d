# SPDX-License-Identifier: Apache-2.0
"""People whom several cameras see become one each: a common time, who is who, where each landmark is."""
