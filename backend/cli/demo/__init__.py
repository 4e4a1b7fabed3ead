"""`emporion demo`: the whole economy on one machine, hop by hop, each checked against the chain."""
