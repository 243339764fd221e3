"""Stateless functions."""
