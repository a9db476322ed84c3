"""What happened to a task. Each class is one event type; its fields are all that `evolve` needs.

Classes without a public type (`EffectApplied`) take a number of the sequence but never appear in a
timeline. `task_status` is the derived status after the event.
"""

from chargehand.actors.task.events.base import RunEvent as RunEvent
from chargehand.actors.task.events.base import TaskEvent as TaskEvent
from chargehand.actors.task.events.review import BY_OUTCOME as BY_OUTCOME
from chargehand.actors.task.events.review import (
    ReviewApproved,
    ReviewBlocked,
    ReviewCanceled,
    ReviewCircuitOpened,
    ReviewFailed,
    ReviewInvalidOutput,
    ReviewRecorded,
    ReviewRejected,
    ReviewRequested,
    ReviewRetryEnqueued,
    ReviewTimedOut,
)
from chargehand.actors.task.events.review import ReviewEvent as ReviewEvent
from chargehand.actors.task.events.review import ReviewJudged as ReviewJudged
from chargehand.actors.task.events.run import ForcedRelease as ForcedRelease
from chargehand.actors.task.events.run import NewRun as NewRun
from chargehand.actors.task.events.run import (
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
