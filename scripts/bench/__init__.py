"""`run.py bench [NAME ...]`: what the parts cost, in CPU seconds and in elapsed time, on this machine."""
