"""What happened to a task. Each class is one event type; its fields are all that `evolve` needs.

Classes without a public type (`EffectApplied`) take a number of the sequence but never appear in a
timeline. `task_status` is the derived status after the event.
"""

from chargehand.actors.task.events.base import RunEvent, TaskEvent
from chargehand.actors.task.events.review import (
    BY_OUTCOME,
    ReviewApproved,
    ReviewBlocked,
    ReviewCanceled,
    ReviewCircuitOpened,
    ReviewEvent,
    ReviewFailed,
    ReviewInvalidOutput,
    ReviewJudged,
    ReviewRecorded,
    ReviewRejected,
    ReviewRequested,
    ReviewRetryEnqueued,
    ReviewTimedOut,
)
from chargehand.actors.task.events.run import (
    ForcedRelease,
    NewRun,
    RunCanceled,
    RunClaimed,
    RunCompleted,
    RunEnqueued,
    RunFailed,
    RunForcedFail,
    RunLeaseExpired,
    RunLeaseExtended,
    RunNeedsAttention,
    RunParkedClosed,
    RunRecovered,
    RunReleased,
    RunRetried,
    RunSessionBound,
    RunStarted,
    RunStarting,
    RunStarved,
    RunWithoutLease,
)
from chargehand.actors.task.events.subscriptions import (
    DeliveryFailed,
    DeliveryGivenUp,
    MessageDelivered,
    MessageDue,
    MessagesDueAgain,
    SubscriptionRemoved,
    SubscriptionSet,
    SubscriptionTurnedOff,
)
from chargehand.actors.task.events.task import (
    AutoEnqueueMissed,
    BlockerChanged,
    CancelPassedOn,
    ChildCreated,
    DependencyAdded,
    DependencyRemoved,
    DependentsPassedOn,
    EffectApplied,
    KeyKept,
    ProfileDeleted,
    ProfileUpdated,
    ResumePassedOn,
    StatusChanged,
    TaskApproved,
    TaskCanceled,
    TaskCreated,
    TaskDeleted,
    TaskPaused,
    TaskPublished,
    TaskRejected,
    TaskResumed,
    TaskTriaged,
    TaskUpdated,
    TreeCancelRepeated,
)

__all__ = [
    "BY_OUTCOME",
    "AutoEnqueueMissed",
    "BlockerChanged",
    "CancelPassedOn",
    "ChildCreated",
    "DeliveryFailed",
    "DeliveryGivenUp",
    "DependencyAdded",
    "DependencyRemoved",
    "DependentsPassedOn",
    "EffectApplied",
    "Event",
    "ForcedRelease",
    "KeyKept",
    "MessageDelivered",
    "MessageDue",
    "MessagesDueAgain",
    "NewRun",
    "ProfileDeleted",
    "ProfileUpdated",
    "ResumePassedOn",
    "ReviewApproved",
    "ReviewBlocked",
    "ReviewCanceled",
    "ReviewCircuitOpened",
    "ReviewEvent",
    "ReviewFailed",
    "ReviewInvalidOutput",
    "ReviewJudged",
    "ReviewRecorded",
    "ReviewRejected",
    "ReviewRequested",
    "ReviewRetryEnqueued",
    "ReviewTimedOut",
    "RunCanceled",
    "RunClaimed",
    "RunCompleted",
    "RunEnqueued",
    "RunEvent",
    "RunFailed",
    "RunForcedFail",
    "RunLeaseExpired",
    "RunLeaseExtended",
    "RunNeedsAttention",
    "RunParkedClosed",
    "RunRecovered",
    "RunReleased",
    "RunRetried",
    "RunSessionBound",
    "RunStarted",
    "RunStarting",
    "RunStarved",
    "RunWithoutLease",
    "StatusChanged",
    "SubscriptionRemoved",
    "SubscriptionSet",
    "SubscriptionTurnedOff",
    "TaskApproved",
    "TaskCanceled",
    "TaskCreated",
    "TaskDeleted",
    "TaskEvent",
    "TaskPaused",
    "TaskPublished",
    "TaskRejected",
    "TaskResumed",
    "TaskTriaged",
    "TaskUpdated",
    "TreeCancelRepeated",
]


Event = (
    TaskCreated
    | ChildCreated
    | TaskUpdated
    | StatusChanged
    | TaskPublished
    | TaskApproved
    | TaskRejected
    | TaskCanceled
    | TreeCancelRepeated
    | CancelPassedOn
    | TaskPaused
    | TaskResumed
    | TaskDeleted
    | DependencyAdded
    | DependencyRemoved
    | BlockerChanged
    | AutoEnqueueMissed
    | ProfileUpdated
    | ProfileDeleted
    | TaskTriaged
    | ResumePassedOn
    | DependentsPassedOn
    | EffectApplied
    | KeyKept
    | RunEnqueued
    | RunClaimed
    | RunStarting
    | RunSessionBound
    | RunStarted
    | RunLeaseExtended
    | RunLeaseExpired
    | RunNeedsAttention
    | RunReleased
    | RunCompleted
    | RunFailed
    | RunCanceled
    | RunForcedFail
    | RunParkedClosed
    | RunRetried
    | RunRecovered
    | RunStarved
    | RunWithoutLease
    | ReviewRequested
    | ReviewRecorded
    | ReviewApproved
    | ReviewRejected
    | ReviewBlocked
    | ReviewFailed
    | ReviewTimedOut
    | ReviewInvalidOutput
    | ReviewCircuitOpened
    | ReviewRetryEnqueued
    | ReviewCanceled
    | SubscriptionSet
    | SubscriptionRemoved
    | MessageDue
    | MessageDelivered
    | DeliveryFailed
    | DeliveryGivenUp
    | SubscriptionTurnedOff
    | MessagesDueAgain
)
