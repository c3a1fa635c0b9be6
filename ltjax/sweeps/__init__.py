"""Sweeps: grids of cells, decided on any engine into one store, killed and resumed without loss.

spec.py      TOML → cells, and tasks: cells that one trial decides together
work.py      what an engine runs: trials of a task in, rows of counts out
memory.py    what a task needs, and what there is
engines.py   this process, or Dask
store.py     the SQLite file
run.py       the driver
table.py     a store as a table; export
plotting.py  a store as a figure
"""

from ltjax.sweeps.engines import Dask, Serial
from ltjax.sweeps.run import Status, Summary, run
from ltjax.sweeps.spec import Spec, Task, parse_spec, read_spec
from ltjax.sweeps.table import export, load

__all__ = [
    "Dask",
    "Serial",
    "Spec",
    "Status",
    "Summary",
    "Task",
    "export",
    "load",
    "parse_spec",
    "read_spec",
    "run",
]
