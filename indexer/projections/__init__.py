"""One module a contract: a decoded event becomes rows, and can be taken back."""
