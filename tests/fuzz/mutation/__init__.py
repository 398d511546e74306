"""Mutations: each takes a generator of random numbers and something valid, and returns it changed."""
