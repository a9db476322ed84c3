"""What is looked for among tasks: facets that they have or have not, and a text."""

from typing import final

from chargehand.actors.frozen import frozen
from chargehand.actors.task.state import TaskState
from chargehand.actors.views.facets import Facet, facets_of
from chargehand.actors.views.search import is_found_in


@final
@frozen
class Wanted:
    """Tasks that have all of `facets`, none of `never`, and the text somewhere.

    `text` is as `search.wanted_text` makes it.
    """

    facets: tuple[Facet, ...] = ()
    never: tuple[Facet, ...] = ()
    text: str | None = None

    def includes(self, state: TaskState) -> bool:
        """Whether this task is wanted; to look for all that are, ask the stretches."""
        has = facets_of(state)
        return (
            all(facet in has for facet in self.facets)
            and not any(facet in has for facet in self.never)
            and (self.text is None or is_found_in(state, self.text))
        )
