"""A trained network in, a pruned random network out, with a certificate of how far apart they are.

perceptron.py   the target: a ReLU multilayer perceptron, read from an .npz file
start.py        the start network, drawn from a seed; how it is laid out
prune.py        masks: a subset sum for every weight of the target
certificate.py  error of each weight, a bound for the whole network, what an adversary finds
redundancy.py   the least redundancy that reaches a hit probability, measured
ticket.py       the ticket: built, saved, opened, checked
"""

from ltjax.tickets.perceptron import Perceptron, read_perceptron
from ltjax.tickets.redundancy import least_redundancy
from ltjax.tickets.start import Start
from ltjax.tickets.ticket import Ticket, build, check, read_ticket

__all__ = [
    "Perceptron",
    "Start",
    "Ticket",
    "build",
    "check",
    "least_redundancy",
    "read_perceptron",
    "read_ticket",
]
