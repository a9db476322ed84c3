"""What may be asked of a task. Made valid or not at all: the converters raise `Rejected`.

Ids, tokens and digests come with a command, so that `decide` needs no randomness.
"""

from chargehand.actors.task.commands.agent import (
    CompleteLease,
    FailLease,
    Heartbeat,
    LeaseRun,
    ReleaseRun,
)
from chargehand.actors.task.commands.operator import (
    AttachSession,
    CancelRun,
    ClaimRun,
    CompleteRun,
    FailRun,
    ForceFail,
    ForceRelease,
    RecoverRun,
    RetryRun,
    StartRun,
)
from chargehand.actors.task.commands.review import RequestReview, SubmitVerdict, TimeOutReview
from chargehand.actors.task.commands.subscriptions import (
    GiveUpDelivery,
    NoteDelivery,
    NoteFailedDelivery,
    SendAgain,
    Subscribe,
    TurnOffSubscription,
    Unsubscribe,
)
from chargehand.actors.task.commands.system import (
    ExpireLease,
    ExtendLease,
    NoteNeglect,
    NoteStarvation,
    ReleaseOfEndedSession,
)
from chargehand.actors.task.commands.task import (
    AddDependency,
    ApproveTask,
    CancelTask,
    CreateTask,
    DeleteProfile,
    DeleteTask,
    Enqueueing,
    EnqueueRun,
    PatchTask,
    PauseTask,
    PublishTask,
    RejectTask,
    RemoveDependency,
    ResumeTask,
    SetProfile,
    StartTask,
    TriageTask,
)
from chargehand.actors.task.effects import EffectCommand

__all__ = [
    "AddDependency",
    "AgentCommand",
    "ApproveTask",
    "AttachSession",
    "CancelRun",
    "CancelTask",
    "ClaimRun",
    "Command",
    "CompleteLease",
    "CompleteRun",
    "CreateTask",
    "DeleteProfile",
    "DeleteTask",
    "DeliveryCommand",
    "EnqueueRun",
    "Enqueueing",
    "ExpireLease",
    "ExtendLease",
    "FailLease",
    "FailRun",
    "ForceFail",
    "ForceRelease",
    "GiveUpDelivery",
    "Heartbeat",
    "LeaseRun",
    "NoteDelivery",
    "NoteFailedDelivery",
    "NoteNeglect",
    "NoteStarvation",
    "PatchTask",
    "PauseTask",
    "PublishTask",
    "RecoverRun",
    "RejectTask",
    "ReleaseOfEndedSession",
    "ReleaseRun",
    "RemoveDependency",
    "RequestReview",
    "ResumeTask",
    "RetryRun",
    "ReviewCommand",
    "RunCommand",
    "SendAgain",
    "SetProfile",
    "StartRun",
    "StartTask",
    "SubmitVerdict",
    "Subscribe",
    "TaskCommand",
    "TimeOutReview",
    "TriageTask",
    "TurnOffSubscription",
    "Unsubscribe",
]


AgentCommand = Heartbeat | ReleaseRun | CompleteLease | FailLease
RunCommand = (
    LeaseRun
    | AgentCommand
    | ClaimRun
    | StartRun
    | AttachSession
    | CompleteRun
    | FailRun
    | CancelRun
    | ForceRelease
    | ForceFail
    | RetryRun
    | RecoverRun
    | ExpireLease
    | ExtendLease
    | ReleaseOfEndedSession
    | NoteStarvation
    | NoteNeglect
    | RequestReview
)
ReviewCommand = SubmitVerdict | TimeOutReview
TaskCommand = (
    CreateTask
    | PatchTask
    | DeleteTask
    | PublishTask
    | StartTask
    | ApproveTask
    | RejectTask
    | EnqueueRun
    | CancelTask
    | PauseTask
    | ResumeTask
    | AddDependency
    | RemoveDependency
    | SetProfile
    | DeleteProfile
    | TriageTask
    | Subscribe
    | Unsubscribe
    | SendAgain
)
DeliveryCommand = NoteDelivery | NoteFailedDelivery | GiveUpDelivery | TurnOffSubscription
Command = TaskCommand | RunCommand | ReviewCommand | DeliveryCommand | EffectCommand
