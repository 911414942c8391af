"""How many threads an engine is quicker with on this machine, now.

Threads that share the work of a token meet at a barrier some hundred times, and wait there for the slowest. Where each
has a core, two are 1.4 to 2 times as quick as one; where another program takes a core from one of them, a token takes 2
to 5 times as long as with one thread, which moves to a free core (135M and 1.5B on two cores, measured). One too many
costs more than one too few: fewer are taken at the second sign, more only on evidence.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

MORE, FEWER = 1.15, 1.1
"""As many times as quick as one thread must all be to be used; and at least, to stay in use. A gain that varies between
the two changes nothing. Of 25 comparisons each, those on idle cores said 1.5 to 1.8, those beside a busy process 0.3 to
0.9 (135M on two cores, measured)."""
MOST_GAIN = 1.5
"""What one comparison may say at most, either way: the last few outvote one that a moment's disturbance spoilt."""
HALF_LIFE_S = 9.0
"""After this time a comparison counts half. They come every five seconds while nobody speaks; of what was measured a
minute ago hardly anything is left."""
ONE_STEP = 0.5
"""What a disturbed step weighs beside a comparison: the next one may overrule it."""
SLOW = 3.0
"""A step of all threads that takes so many times as long as a comparison's of one thread was disturbed. Undisturbed it
takes at most 1.5 times as long: four tokens in a batch, after 1900 tokens (135M, measured)."""

TRIES, TRIES_S = 3, 0.15
"""How often every number is tried in a comparison, of which the quickest counts; after how long no more are made. The
first try finds cold caches: with 1.5B parameters one gives a gain of 1.2 to 1.4, two give 1.5 (measured)."""


class ThreadChoice:
    """Chooses between one thread and `most` for one engine, from times of comparable work."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.threads = most
        """The choice; as many as allowed, until something was measured."""
        self._gain = 0.0
        """Mean of the logarithm of how many times as quick all threads are as one."""
        self._weight, self._at_s = 0.0, 0.0
        self._slow_steps = 0
        """Disturbed steps in a row."""
        self._one_s = math.inf
        """Time of a step with one thread, when last compared."""

    @property
    def candidates(self) -> tuple[int, ...]:
        """Numbers of threads to compare."""
        return (1, self.most) if self.most > 1 else (1,)

    @property
    def cores(self) -> int:
        """Cores that its work takes: all where another program has those that one thread leaves, so none is free."""
        return self.most if self._gain < 0 else self.threads

    def compared(self, now_s: float, seconds: Mapping[int, float]) -> None:
        """Take in how long the same work took with each of the candidates, one right after the other."""
        if self.most == 1:
            return
        kept = self._weight * 0.5 ** ((now_s - self._at_s) / HALF_LIFE_S)
        gain = math.log(min(max(seconds[1] / seconds[self.most], 1 / MOST_GAIN), MOST_GAIN))
        self._gain = (self._gain * kept + gain) / (kept + 1)
        self._weight, self._at_s, self._one_s = kept + 1, now_s, seconds[1]
        if self._gain < math.log(FEWER):
            self.threads = 1
        elif self._gain > math.log(MORE):
            self.threads = self.most

    def worked(self, threads: int, seconds: float) -> None:
        """Take in how long a step of real work took, which may be several times that of a comparison.

        Two disturbed steps in a row settle it, since the next ones would be no better while somebody waits; a single
        one comes and goes on virtual machines. That one thread does not get on better is no evidence for more: that is
        for comparisons, when nobody waits.
        """
        self._slow_steps = self._slow_steps + 1 if threads > 1 and seconds > SLOW * self._one_s else 0
        if self._slow_steps == 2:
            self.threads, self._gain = 1, -math.log(MOST_GAIN)
            self._weight = min(self._weight, ONE_STEP)


class Team:
    """The threads of an engine that can change their number between jobs. Called in the engine's thread."""

    def __init__(self, most: int, use: Callable[[int], None], sample: Callable[[], object]) -> None:
        """`use` changes the number, at no cost; `sample` is a little work, comparable with an item of a stream."""
        self.choice, self.use, self._sample = ThreadChoice(most), use, sample

    def compare(self, clock: Callable[[], float]) -> dict[int, float]:
        """Return the seconds that the sample takes with each number of threads, tried in turns."""
        found_s: dict[int, list[float]] = {threads: [] for threads in self.choice.candidates}
        for _ in range(TRIES):
            for threads, spans_s in found_s.items():
                self.use(threads)
                started_s = clock()
                self._sample()
                spans_s.append(clock() - started_s)
            if sum(map(sum, found_s.values())) > TRIES_S:
                break
        return {threads: min(spans_s) for threads, spans_s in found_s.items()}
