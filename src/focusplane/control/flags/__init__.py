"""Flags as they are served: a flagd document made of policy and board, and what evaluates one."""
