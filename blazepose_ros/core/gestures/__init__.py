# SPDX-License-Identifier: Apache-2.0
"""What a person does with arms and body: raised hands, pointing, sitting, lying and the like."""
