"""Typed messages, signatures, Merkle trees and keys. Pure: no network, no database, no environment."""
