"""The process of one contender, `python -m contenders.worker`: it reads questions and writes answers as lines of JSON.

The first question names the case, the contender, the file of the reference, and how long a turn lasts. The answer comes
when the contender has passed its check and is warm: how it agrees, the variant that was fastest, how many iterations
fill a turn. Each further question is a number of iterations; its answer is the seconds that they took.
"""

import json
import math
import os
import pickle
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from contenders import ESTIMATORS, GAMES
from contenders.cases import CHECKED, PARZEN
from contenders.contender import Contender, Differs, Reference, Unavailable, seconds_per_iteration

CHOOSING = 3
"""Each variant is timed so many times before the fastest is chosen."""


def main() -> None:
    """Answer until the questions end."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a framework prints is no answer

    def answer(**content: Any) -> None:
        print(json.dumps(content), file=answers, flush=True)

    first = json.loads(sys.stdin.readline())
    try:
        contender, facts = prepare(first["case"], first["contender"], Path(first["reference"]), first["seconds"])
    except Unavailable as reason:
        return answer(unavailable=str(reason))
    except Differs as how:
        return answer(differs=str(how))
    answer(**facts)
    for line in sys.stdin:
        began = time.perf_counter()
        contender.run(json.loads(line)["iterations"])
        answer(seconds=time.perf_counter() - began)
    return None


def prepare(case_name: str, name: str, path: Path, seconds: float) -> tuple[Contender, dict[str, Any]]:
    """Check every variant, and keep the fastest.

    Args:
        case_name: The case.
        name: The contender.
        path: The file of the reference, which ours writes.
        seconds: A turn lasts about this long.

    Returns:
        The contender, and its `variant`, `agreement`, iterations a `turn`, and what else it says of itself.

    Raises:
        Unavailable: if it cannot run here.
        Differs: if it does not do what ours does.
    """
    trains = case_name != PARZEN.name
    chosen: Any = (GAMES if trains else ESTIMATORS)[name].load()
    if trains and name == "ours":
        path.write_bytes(pickle.dumps(chosen.reference(case_name, CHECKED)))
    # A file of our own, a moment old.
    reference: Reference | None = pickle.loads(path.read_bytes()) if trains else None
    case, initial = (reference.case, reference.initial) if reference else (PARZEN, None)
    ready: dict[str, Contender] = {}
    agreement: dict[str, float] = {}
    for variant in chosen.variants():
        if hasattr(chosen, "check"):
            apart = chosen.check(reference or case, variant)
            agreement = {key: max(value, agreement.get(key, 0.0)) for key, value in apart.items()}
        ready[variant] = chosen(case, initial, variant)
    # By turns, like the contenders: a load that passes while one variant is timed would make that one seem slow.
    paces = [
        {name: seconds_per_iteration(it.run, it.chunk, seconds / 4) for name, it in ready.items()}
        for _ in range(CHOOSING)
    ]
    medians = {name: statistics.median(pace[name] for pace in paces) for name in ready}
    variant = min(medians, key=medians.__getitem__)
    contender, pace = ready[variant], medians[variant]
    turn = max(1, math.ceil(seconds / pace / contender.chunk)) * contender.chunk
    return contender, {"variant": variant, "agreement": agreement, "turn": turn, **contender.facts()}


if __name__ == "__main__":
    main()
