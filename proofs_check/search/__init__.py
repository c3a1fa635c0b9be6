"""Search: a ticket that exists is not yet one that is found."""
