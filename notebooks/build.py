"""Run the notebooks' scripts and write each as an .ipynb with its results.

The scripts (jupytext's percent format) are the source, the only thing to edit and to
review. What is written depends on the script, the package and the machine's arithmetic
alone: no times, no paths, no versions, cells numbered. An error in a cell, or a word on
standard error, fails the build and leaves the old file in place.
"""

import argparse
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jupytext
import nbformat
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

from ltjax.machine.compilation import quick_flags

HERE = Path(__file__).parent
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {
        "file_extension": ".py",
        "name": "python",
        "pygments_lexer": "ipython3",
    },
}


def scripts() -> list[Path]:
    """The notebooks' sources, in reading order."""
    return sorted(HERE.glob("[0-9]*.py"))


def read(script: Path) -> NotebookNode:
    """The script as a notebook without results."""
    notebook = jupytext.reads(script.read_text(encoding="utf-8"), fmt="py:percent")
    notebook.metadata = nbformat.from_dict(METADATA)
    notebook.nbformat_minor = 5
    for number, cell in enumerate(notebook.cells, start=1):
        cell.id, cell.metadata = f"{number:02d}", NotebookNode()
    return notebook


def execute(notebook: NotebookNode) -> None:
    """Run all cells in a fresh kernel on the processor, in an empty folder.

    Raises:
        CellExecutionError: for an error in a cell.
        RuntimeError: for a cell that writes to standard error: no warning is published.
    """
    with tempfile.TemporaryDirectory() as folder:
        work, home = Path(folder, "work"), Path(folder, "home")
        work.mkdir()
        home.mkdir()
        kernel = AsyncKernelManager(
            kernel_name="python3",
            # With no folder to look in, the kernel is this interpreter's own.
            kernel_spec_manager=KernelSpecManager(kernel_dirs=[]),
            # Sockets in the folder: nobody else on the machine can reach them.
            transport="ipc",
            ip=str(Path(folder, "kernel")),
        )
        client = NotebookClient(
            notebook,
            km=kernel,
            timeout=None,
            record_timing=False,
            coalesce_streams=True,
            extra_arguments=["--InteractiveShell.colors=nocolor"],
        )
        # Untouched by the user's settings of IPython.
        env = os.environ | {
            "JAX_PLATFORMS": "cpu",
            "IPYTHONDIR": str(home),
            "XLA_FLAGS": quick_flags(""),
        }
        client.execute(cleanup_kc=True, env=env, cwd=str(work))
    notebook.metadata = nbformat.from_dict(METADATA)
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if output.output_type == "stream" and output.name == "stderr":
                text = f"cell {cell.id} writes to standard error:\n{output.text}"
                raise RuntimeError(text)


def build(script: Path, out: Path) -> Path:
    """Run one script; its notebook takes the old one's place once it is whole."""
    notebook = read(script)
    execute(notebook)
    nbformat.validate(notebook)
    path = out / script.with_suffix(".ipynb").name
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return path


def asked_for(word: str) -> Path:
    """The script that a path or a bare name means.

    Raises:
        ValueError: one line, where there is none.
    """
    places = [Path(word), HERE / f"{Path(word).stem}.py"]
    found = [path for path in places if path.suffix == ".py" and path.is_file()]
    if not found:
        known = ", ".join(script.stem for script in scripts())
        raise ValueError(f"scripts={word!r} is not known: scripts are {known}")
    return found[0]


def main() -> int:
    """The command line; the exit status is 1 if a notebook fails."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("scripts", nargs="*", help="paths or names; default: all")
    parser.add_argument("--out", type=Path, help="a folder; default: beside the script")
    options = parser.parse_args()
    try:
        asked = [asked_for(word) for word in options.scripts] or scripts()
    except ValueError as error:
        parser.exit(2, f"{error}\n")
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)

    def timed(script: Path) -> tuple[Path, float]:
        begin = time.monotonic()
        return build(script, options.out or script.parent), time.monotonic() - begin

    failed = False
    # A kernel compiles on one core for most of its time.
    with ThreadPoolExecutor(2) as pool:
        for script, built in [(script, pool.submit(timed, script)) for script in asked]:
            try:
                path, seconds = built.result()
            except (CellExecutionError, RuntimeError) as error:
                print(f"{script.name}: {error}", file=sys.stderr)
                failed = True
                continue
            print(f"{path.name}: {seconds:.0f} s, {path.stat().st_size / 1000:.0f} kB")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
