"""What a program asks of a Chargehand: the same calls in its own process and over HTTP."""

from chargehand.web.agents.agent_calls import AgentCalls
from chargehand.web.agents.task_calls import TaskCalls


class Api(TaskCalls, AgentCalls):
    """A Chargehand, wherever it runs: `LocalSystem` in this process, `Client` elsewhere.

    Every call may be canceled at any time: what it has asked for is done, or it is not.

    All calls raise `Refused` where the scheduler says no, and `Unavailable` where it does not
    answer, or says to come again later.
    """
