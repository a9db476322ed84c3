"""The public calls of the core: on tasks, runs, reviews, claims and sessions."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import final

from chargehand.actors.actor import Envelope
from chargehand.actors.answers import Answer
from chargehand.actors.errors import Rejected
from chargehand.actors.force import FORCE_COMMANDS
from chargehand.actors.frozen import replace
from chargehand.actors.idempotency.once import Earlier, Once
from chargehand.actors.identity import Caller
from chargehand.actors.mailbox import Reply
from chargehand.actors.new_tasks.creation import Outcome
from chargehand.actors.new_tasks.item import NewTask
from chargehand.actors.parts import Parts
from chargehand.actors.registry.state import SessionState
from chargehand.actors.scheduler.claims import parts_of
from chargehand.actors.scheduler.commands import ClaimNext
from chargehand.actors.task import commands as c
from chargehand.actors.task.decide.definition import task_not_found
from chargehand.actors.task.decide.found import review_not_found, run_not_found
from chargehand.actors.task.state import TaskState


@final
class System(Parts):
    """The scheduler in one process. Made by `run_system`; its parts are for reading and asking.

    Every call may be canceled at any time: what it has asked for is done, or it is not.
    """

    # --- tasks ----------------------------------------------------------------------------------

    async def create_task(self, command: c.CreateTask, caller: Caller) -> Answer:
        """Make a task; a child where `parent_task_id` is set. Raises: Rejected."""
        task_id = command.id or f"task-{self._ids.suffix(self.clock.now_ns())}"
        return await self._send(partial(str, task_id), command, caller)

    async def create_tasks(
        self, items: Sequence[NewTask], caller: Caller, *, atomic: bool
    ) -> list[Answer | Rejected]:
        """Make many tasks, in any order, by one commit. What each of them answers, in the order
        given.

        Args:
            atomic: all of them or none; otherwise each that can be made. Where one was refused, all
                are, and `BATCH_NOT_MADE` are those that nothing is wrong with.

        Raises:
            Rejected: none was made, for a reason that is no item's.
        """
        self._hear(caller)
        await self.journal.wait_room()
        self.availability.check()
        outcomes, on_disk = self._creation.begin(items, caller, atomic=atomic)
        await on_disk.wait()
        return [await self._answer_of(outcome) for outcome in outcomes]

    async def _answer_of(self, outcome: Outcome) -> Answer | Rejected:
        match outcome:
            case TaskState():
                return Answer(outcome)
            case Earlier():
                return await _outcome(self.repeats.again(outcome))
            case Rejected():
                return outcome

    async def ask(self, task_id: str, command: c.TaskCommand, caller: Caller) -> Answer:
        """Have the task do something; what it answers is on disk. Raises: Rejected."""
        return await self._send(partial(self._known, task_id, command, caller), command, caller)

    async def try_out(self, task_id: str, command: c.TaskCommand, caller: Caller) -> None:
        """Return if `ask` would do it now; nothing is stored or counted. Raises: Rejected."""
        where = partial(self._known, task_id, command, caller, is_trial=True)
        await self._sent(where, command, caller.plain, is_trial=True).wait()

    def _known(
        self, task_id: str, command: c.TaskCommand, caller: Caller, *, is_trial: bool = False
    ) -> str:
        self.faults.check(task_id)
        if self.views.get(task_id) is None:
            raise task_not_found(task_id)
        if isinstance(command, FORCE_COMMANDS):
            self._force.check(caller, task_id, counts=not is_trial)
        return task_id

    async def subscribe(self, task_id: str, command: c.Subscribe, caller: Caller) -> Answer:
        """Tell somebody of the task's ends.

        Raises:
            Rejected: also where the bridge is not there, or does not serve the task.
        """
        return await self._send(partial(self._served, task_id, command), command, caller)

    def _served(self, task_id: str, command: c.Subscribe) -> str:
        self.faults.check(task_id)
        task = self.views.get(task_id)
        if task is None:
            raise task_not_found(task_id)
        self._bridges.check(command.bridge_id, task)
        return task_id

    async def task(self, task_id: str) -> TaskState:
        """The whole task, as of its last record on disk. Raises: Rejected: TASK_NOT_FOUND."""
        state = self.views.whole(task_id)
        if state is None:
            raise task_not_found(task_id)
        return state

    # --- runs -----------------------------------------------------------------------------------

    async def ask_run(self, command: c.RunCommand, caller: Caller) -> Answer:
        """Have a run's task do something with it. Raises: Rejected."""
        if isinstance(command, c.ClaimRun) and caller.is_agent:
            self._task_of(command.run_id)
            await self._keep(caller.actor.ref)
        return await self._send(partial(self._of_run, command, caller), command, caller)

    async def try_out_run(self, command: c.RunCommand, caller: Caller) -> None:
        """Return if `ask_run` would do it now; nothing is stored or counted. Raises: Rejected."""
        where = partial(self._of_run, command, caller, is_trial=True)
        await self._sent(where, command, caller.plain, is_trial=True).wait()

    def _of_run(self, command: c.RunCommand, caller: Caller, *, is_trial: bool = False) -> str:
        task_id = self._task_of(command.run_id)
        if isinstance(command, FORCE_COMMANDS):
            self._force.check(caller, task_id, counts=not is_trial)
        return task_id

    def task_of_run(self, run_id: str) -> str | None:
        """The id of its task; None: there is no such run."""
        return self._index.task_of_run(run_id)

    async def run(self, run_id: str) -> Answer:
        """The run with its task. Raises: Rejected: RUN_NOT_FOUND."""
        state = self.views.whole(self._task_of(run_id))
        run = None if state is None else state.run(run_id)
        if state is None or run is None:
            raise run_not_found(run_id)
        return Answer(state, run)

    # --- reviews --------------------------------------------------------------------------------

    async def review(self, review_id: str) -> Answer:
        """The review with its task. Raises: Rejected: REVIEW_NOT_FOUND."""
        state = self.views.whole(self._task_of_review(review_id))
        review = None if state is None else state.review(review_id)
        if state is None or review is None:
            raise review_not_found(review_id)
        return Answer(state, review=review)

    async def judge(self, command: c.SubmitVerdict, caller: Caller) -> Answer:
        """Record a verdict. Raises: Rejected."""
        return await self._send(partial(self._task_of_review, command.review_id), command, caller)

    def _task_of_review(self, review_id: str) -> str:
        task_id = self._index.task_of_review(review_id)
        if task_id is None:
            raise review_not_found(review_id)
        return task_id

    # --- claims and sessions --------------------------------------------------------------------

    async def identify(
        self, session_id: str, agent_name: str, workspace: str | None = None
    ) -> SessionState:
        """The active session that a caller says it is; one on its first contact registers itself.

        Args:
            workspace: the workspace that it says it is of; None or blank says nothing.

        Raises:
            Rejected: an IDENTITY_ code, or SESSIONS_FULL.
        """
        session_id, agent_name = session_id.strip(), agent_name.strip()
        session = self.roster.identify(session_id, agent_name, workspace)
        if session is None:
            self.availability.check()
            return await self.registry.admit(session_id, agent_name, workspace)
        self.registry.saw(session_id)
        return session

    async def claim_next(
        self, session: SessionState, request: ClaimNext, caller: Caller
    ) -> Answer | None:
        """The best run for the session, leased; None where there is none (in time).

        Under a key the claim is known by it, as by the request's own, and also after its lease.
        """
        self.availability.check()
        self.registry.saw(session.id)
        once = caller.once
        if once is None:
            return self._claimed(await self.scheduler.claims.one(session, request, caller))
        earlier = self._keys.find(once)
        if earlier is not None:
            return await self.repeats.claimed(earlier)
        if request.idempotency_key is None:
            request = replace(request, idempotency_key=once.key)
        self._keys.hold(once)
        try:
            return self._claimed(await self.scheduler.claims.one(session, request, caller))
        finally:
            self._keys.end(once)

    def _claimed(self, answer: Answer | None) -> Answer | None:
        return None if answer is None else self._with_texts(answer)

    def _with_texts(self, answer: Answer) -> Answer:
        """A claim that is given again is the board's, which knows the task as lists do: a claim
        carries all of it."""
        if answer.run is None or not answer.replayed:
            return answer
        whole = self.views.whole(answer.task.id)
        run = None if whole is None else whole.run(answer.run.id)
        return answer if whole is None or run is None else Answer(whole, run, replayed=True)

    async def claim_batch(
        self, session: SessionState, request: ClaimNext, count: int, caller: Caller
    ) -> list[Answer]:
        """The best runs for the session, up to so many, each leased; none where there is none (in
        time). What can share a commit does.

        Under the key of the request a repeat gets the same, as long as their leases live, and what
        else there is. Under the caller's they are claimed one after the other, each under a part of
        it; a repeat gets those that were claimed, and no others.

        Raises:
            Rejected: as of `claim_next`, where it has not even one.
        """
        if caller.once is None:
            self.availability.check()
            self.registry.saw(session.id)
            answers = await self.scheduler.claims.many(session, request, count, caller)
            return [self._with_texts(answer) for answer in answers]
        found: list[Answer] = []
        async with self.whole(caller):
            repeats = self._keys.find(caller.part("0").once) is not None
            for number, wanted in enumerate(parts_of(request, count)):
                part = caller.part(str(number))
                if repeats and self._keys.find(part.once) is None:
                    break
                one = replace(wanted, wait=wanted.wait and not found)
                try:
                    answer = await self.claim_next(session, one, part)
                except Rejected:
                    if not found:
                        raise
                    break
                if answer is None:
                    break
                found.append(answer)
        return found

    async def ask_runs(
        self, commands: Sequence[c.AgentCommand], caller: Caller
    ) -> list[Answer | Rejected]:
        """Have the tasks of many runs do something with them, all at the same time, so that what
        can share a commit does. What each of them answers, in the order given."""
        if caller.once is None:
            self._hear(caller)
            replies = [self._begun(command, caller) for command in commands]
            return [
                reply if isinstance(reply, Rejected) else await _outcome(reply.wait())
                for reply in replies
            ]
        async with self.whole(caller):
            return [
                await _outcome(self.ask_run(command, caller.part(command.run_id)))
                for command in commands
            ]

    def _begun(self, command: c.AgentCommand, caller: Caller) -> Reply[Answer] | Rejected:
        try:
            return self._sent(partial(self._of_run, command, caller), command, caller)
        except Rejected as refusal:
            return refusal

    async def attach_session(self, run_id: str, session_id: str, caller: Caller) -> Answer:
        """Bind an active session to a claimed run. Raises: Rejected."""
        command = c.AttachSession(run_id, session_id)

        async def attach() -> Answer:
            task_id = self._task_of(run_id)
            self.availability.check()
            self.roster.session(session_id)
            return await self.scheduler.attach(task_id, command, caller)

        self._hear(caller)
        return await self.repeats.once(attach, command, caller)

    def whole(self, caller: Caller) -> AbstractAsyncContextManager[None]:
        """Around what a caller asks in parts (`Caller.part`). Raises: Rejected: KEY_REUSED."""
        return self._keys.whole(caller.once)

    def has_done(self, caller: Caller) -> bool:
        """Whether an equal request was done under the caller's key, or a part of it. Raises:
        Rejected: KEY_REUSED, TASK_SET_ASIDE."""
        return self._keys.find(caller.once) is not None

    async def end_session(self, session_id: str, once: Once | None = None) -> None:
        """End a session; its runs are back in the queue when this returns. Raises: Rejected.

        They are released because the end is on disk: canceling this stops nothing but the wait.
        """
        self.availability.check()
        await self.registry.end_session(session_id, once)
        await self.scheduler.wait_released(session_id)

    async def _keep(self, session_id: str) -> None:
        """A session is about to claim a run without a lease: it is registered before, as with one,
        so that it can be ended, over a restart too. Nothing is torn where only this is done."""
        session = self.roster.find(session_id)
        if session is not None and not self.roster.is_kept(session_id):
            self.availability.check()
            kept: Reply[None] = Reply()
            self.registry.keep(session, lambda: kept.settle(None), kept.fail)
            await kept.wait()

    def _task_of(self, run_id: str) -> str:
        task_id = self._index.task_of_run(run_id)
        if task_id is None:
            raise run_not_found(run_id)
        return task_id

    # Each call that is under way holds what it is made of. So these are no closures: their cells
    # would be looked at by every collection.

    async def _send(self, where: Callable[[], str], command: c.Command, caller: Caller) -> Answer:
        """The task's answer. `where` gives the task's id, or refuses."""
        self._hear(caller)
        if caller.once is None:
            return await self._sent(where, command, caller).wait()
        first = partial(self._answered, where, command, caller)
        return await self.repeats.once(first, command, caller)

    async def _answered(
        self, where: Callable[[], str], command: c.Command, caller: Caller
    ) -> Answer:
        return await self._sent(where, command, caller).wait()

    def _hear(self, caller: Caller) -> None:
        if caller.is_agent:
            self.registry.saw(caller.actor.ref)

    def _sent(
        self,
        where: Callable[[], str],
        command: c.Command,
        caller: Caller,
        *,
        is_trial: bool = False,
    ) -> Reply[Answer]:
        """The reply to wait for; the command is in the mailbox."""
        task_id = where()
        self.availability.check()
        reply: Reply[Answer] = Reply()
        self.directory.send(task_id, Envelope(command, caller, reply, is_trial=is_trial))
        return reply

    # --- its life -------------------------------------------------------------------------------

    @property
    def failure(self) -> str | None:
        """Why nothing is written any more."""
        return self.availability.failure

    def begin_stop(self) -> None:
        """Refuse what is new and end the streams; what was begun goes on."""
        self.availability.stopping = True
        self.views.streams.close_all()
        self.scheduler.end_waiting()


async def _outcome(answer: Awaitable[Answer]) -> Answer | Rejected:
    try:
        return await answer
    except Rejected as refusal:
        return refusal
