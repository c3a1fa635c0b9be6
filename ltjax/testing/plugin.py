"""The pytest plugin: the fixture `bound`, with one error budget for the session.

pytest imports this file in every session of every project where ltjax is installed, so it imports nothing: JAX and
hypothesis are loaded by the tests that ask for them.
"""

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from ltjax.testing.bound import Bound

SPENT = pytest.StashKey["list[tuple[int, int]]"]()
"""Comparisons charged and idle, one entry a session that has ended: with pytest-xdist each worker is one."""
BOUND = pytest.StashKey["Bound"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("ltjax", "ltjax: bounds compared with draws")
    group.addoption(
        "--ltjax-budget",
        type=float,
        default=1e-6,
        help="chance that a session of true tests fails any (default 1e-6); workers of pytest-xdist share it evenly",
    )
    group.addoption("--ltjax-seed", type=int, default=0, help="another seed, other draws (default 0)")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[SPENT] = []


@pytest.fixture(scope="session")
def bound(pytestconfig: pytest.Config) -> "Bound":
    """Compares what a test claims with draws, under one error budget for the session; see `ltjax.testing.Bound`."""
    from ltjax.arguments import ArgumentError, real
    from ltjax.testing.bound import Bound

    workers = getattr(pytestconfig, "workerinput", {}).get("workercount", 1)
    try:
        budget = real("budget", pytestconfig.getoption("--ltjax-budget"), above=0.0, below=0.5)
        seed: int = pytestconfig.getoption("--ltjax-seed")  # type: ignore[assignment]
        made = Bound(budget / workers, seed)
    except ArgumentError as error:
        raise pytest.UsageError(f"--ltjax-{error}") from None
    pytestconfig.stash[BOUND] = made
    return made


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Tell `bound` which test runs; a test of which nothing could fail fails."""
    made = item.config.stash.get(BOUND, None)
    if made is None or "bound" not in getattr(item, "fixturenames", ()):
        return (yield)
    _suit(item)
    # Without the folder, which depends on where pytest is started.
    path, _, name = item.nodeid.partition("::")
    made.test, able, idle = f"{path.rpartition('/')[2]}::{name}", made.able, made.idle
    result = yield
    if made.idle > idle and made.able == able:
        pytest.fail(
            f"nothing could fail here: of {made.idle - idle} comparisons none could be refuted by any data; claim "
            "less than certainty, or draw more trials",
            pytrace=False,
        )
    return result


def _suit(item: pytest.Item) -> None:
    """Settings that draws by JAX ask for, where the test has the usual ones.

    The first example of a size compiles, which no deadline foresees. To explain a failure, hypothesis traces every line
    of Python that runs, JAX's too, and takes minutes to name lines of this library. Whether the test is decorated with
    `settings` says nothing: they hold a deadline in any case. One that differs from the usual was chosen.
    """
    function: Any = getattr(item, "function", None)
    own: Any = getattr(function, "_hypothesis_internal_use_settings", None)
    if getattr(function, "is_hypothesis_test", False) and own is not None:
        from hypothesis import Phase, settings

        usual: Any = settings.default
        deadline = None if own.deadline == usual.deadline else own.deadline
        phases = [phase for phase in own.phases if phase is not Phase.explain or own.phases != usual.phases]
        function._hypothesis_internal_use_settings = settings(own, deadline=deadline, phases=phases)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """A worker of pytest-xdist has ended."""
    spent = getattr(node, "workeroutput", {}).get("ltjax")
    if spent is not None:
        node.config.stash[SPENT].append(tuple(spent))


def pytest_sessionfinish(session: pytest.Session) -> None:
    made = session.config.stash.get(BOUND, None)
    spent = (0, 0) if made is None else (made.made, made.idle)
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["ltjax"] = spent
    elif not getattr(session.config.option, "numprocesses", None):  # else its workers have spent
        session.config.stash[SPENT].append(spent)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    spent = config.stash[SPENT]
    if any(made or idle for made, idle in spent):
        budget: float = config.getoption("--ltjax-budget")  # type: ignore[assignment]
        seed = config.getoption("--ltjax-seed")
        share = budget * sum(1.0 - 1.0 / (made + 1.0) for made, _ in spent) / len(spent)
        made, idle = (sum(column) for column in zip(*spent, strict=True))
        terminalreporter.write_line(
            f"ltjax: {made} comparisons with seed {seed} spent {share:.3g} of the error budget {budget:g}"
            + (f"; {idle} more could not have failed" if idle else "")
        )
