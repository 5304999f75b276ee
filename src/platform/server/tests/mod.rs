//! The rules of the contract, each against a real server on a file of its own.
