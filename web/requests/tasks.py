"""Bodies of the operations on tasks and their dependencies."""

from typing import Final, final

from chargehand.actors import limits
from chargehand.actors.frozen import frozen
from chargehand.actors.new_tasks.item import Ties
from chargehand.actors.task import commands as c
from chargehand.web.bodies import Body, Items

CREATE_TASK: Final = Body(
    c.CreateTask,
    "CreateTaskRequest",
    given=("parent_task_id", "depends_on"),
    renamed={"workspace_id": "workspace"},
    null_counts=("metadata",),
    blank_is_absent=("priority", "approval_policy"),
)
NEW_TASK: Final = Body(
    c.CreateTask,
    "NewTaskItem",
    CREATE_TASK.given,
    CREATE_TASK.renamed,
    CREATE_TASK.null_counts,
    CREATE_TASK.blank_is_absent,
    about="What `POST /api/tasks` takes, and how it hangs together with other items and tasks.",
    beside=Ties,
)


@final
@frozen
class BatchOptions:
    atomic: bool = True


NEW_TASKS: Final = Items(
    NEW_TASK, "CreateTaskBatchRequest", limits.BATCH_TASKS_MAX, "the tasks", BatchOptions
)
UPDATE_TASK: Final = Body(c.PatchTask, "UpdateTaskRequest")
ADD_DEPENDENCY: Final = Body(c.AddDependency, "AddDependencyRequest", blank_is_absent=("kind",))
ENQUEUE_RUN: Final = Body(
    c.Enqueueing,
    "EnqueueRunRequest",
    given=("required_capabilities", "preferred_capabilities"),
    about="Of publish, start, approve and enqueue.",
)

REASON_WITH_METADATA: Final = "ReasonWithMetadataRequest"
ABOUT_REASONS: Final = (
    "Of cancel, pause, resume and the force operations; the core says where a reason is due."
)
METADATA: Final = "MetadataRequest"

CANCEL_TASK: Final = Body(c.CancelTask, REASON_WITH_METADATA, about=ABOUT_REASONS)
PAUSE_TASK: Final = Body(c.PauseTask, REASON_WITH_METADATA, about=ABOUT_REASONS)
RESUME_TASK: Final = Body(c.ResumeTask, METADATA)
