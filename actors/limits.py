"""Every bound in one place: the unit in the name, the reason beside it."""

from typing import Final

NS: Final = 1_000_000_000  # of one second

BODY_BYTES_MAX: Final = 4 * 1024 * 1024  # of any request

# Texts and JSON of a request. The reference's limits, plus those it left open.
TITLE_CHARS_MAX: Final = 500
IDENTIFIER_CHARS_MAX: Final = 200
REASON_CHARS_MAX: Final = 4096  # of what ends or gives back, it is cut
DESCRIPTION_BYTES_MAX: Final = 65_536
METADATA_BYTES_MAX: Final = 16_384
CLOSING_METADATA_BYTES_MAX: Final = 65_536  # metadata of fail and cancel
RESULT_BYTES_MAX: Final = 65_536
ERROR_BYTES_MAX: Final = 65_536  # what is longer is cut
CAPABILITY_BYTES_MAX: Final = 128
CAPABILITIES_MAX: Final = 64  # of one claimer or one run; a claimable class is keyed by them
SELECTOR_BYTES_MAX: Final = 128  # an agent, channel, peer, provider, model or sandbox in a profile
GUIDANCE_BYTES_MAX: Final = 8192
SUBSCRIPTIONS_MAX: Final = 32  # of one task; each gets a message of each of its ends
BRIDGE_ID_CHARS_MAX: Final = 128
BRIDGE_TARGET_BYTES_MAX: Final = 256  # a peer, thread or group that a bridge shall reach
UNDELIVERED_MAX: Final = 32  # messages of one subscription, kept to be sent again; the newest
DELIVERY_ERROR_BYTES_MAX: Final = 2048  # why a delivery failed; what is longer is cut
TRIAGES_MAX: Final = 256  # of one task; those longest untouched are forgotten, as if unread
KEY_CHARS_MAX: Final = 512  # an idempotency key; LMDB keys end at 511 bytes, longer ones are hashed
ONCE_KEY_CHARS_MAX: Final = 200  # of the header Idempotency-Key
IDEMPOTENCY_S: Final = 86_400  # what was done under a key is known for this long
CLAIM_TOKEN_HASH_CHARS_MAX: Final = 128  # what a claim is named by; ours have 71
NAME_CHARS_MAX: Final = 200  # agent and session names
OWNER_REF_CHARS_MAX: Final = 200
JSON_DEPTH_MAX: Final = 128  # nesting of metadata and results

# Work.
ATTEMPTS_DEFAULT: Final = 3
ATTEMPTS_MAX: Final = 10
RETRY_CHAIN_MAX: Final = 10
DEPTH_MAX: Final = 8  # levels of a tree; a root is level 1
CHILDREN_MAX: Final = 64
DEPENDENCIES_MAX: Final = 32
EDGES_LOOKED_AT_MAX: Final = 4096  # for the cycle that a new dependency may close: up to 10 ms
LEASE_S_DEFAULT: Final = 300
LEASE_S_MAX: Final = 86_400
EXPIRIES_MAX_DEFAULT: Final = 5  # in a row; then the run needs attention
FORCE_OPS_MAX: Final = 10  # per window, agent and task
FORCE_WINDOW_S: Final = 60
SETTING_S_MAX: Final = 3_000_000_000  # of any time that is set: a century, less than 63 bits of ns
BATCH_RUNS_MAX: Final = 256  # runs of one request of an agent; what can share a commit does
BATCH_TASKS_MAX: Final = 256  # made by one request, in one turn
REF_CHARS_MAX: Final = 128  # by which items of one batch name each other
BULK_RUNS_MAX: Final = 50  # of one request; each is an operation of its own
BULK_IDS_MAX: Final = 10_000  # tasks or runs that are named by one bulk request without that bound
BULK_SLICE_MAX: Final = 1000  # of those that match a filter, by one request: some seconds at most
BULK_SHOWN: Final = 10  # that a dry run shows, if it is not asked for more
BULK_AT_ONCE_MAX: Final = 64  # of one request under way at a time, so that they share commits
STUCK_S: Final = 120  # a claimed run that is silent for longer counts as stuck: two heartbeats
DASHBOARD_CLAIMED_S: Final = 300  # claimed or starting for so long counts as stuck there
DASHBOARD_RUNNING_S: Final = 1800  # and running
BACKLOG_OLD_S: Final = 600  # a run that is queued for so long is a warning
STALE_S: Final = 120  # without any activity for longer, although there is work
SUMMARY_BYTES_MAX: Final = 160  # of a text that is shown in short

# Reviews. The reference's limits; bytes are those of one verdict.
REVIEW_S_DEFAULT: Final = 1200  # from the request to the deadline
REVIEW_ROUNDS_DEFAULT: Final = 3
REVIEW_RAPID_RUNS_DEFAULT: Final = 3
REVIEW_RAPID_WINDOW_S_DEFAULT: Final = 120
REVIEWS_MAX: Final = 256  # that may be asked for on one task
REVIEW_NUMBER_MAX: Final = 1000  # a round or an attempt
REVIEW_REF_BYTES_MAX: Final = 256  # a delivery id, or the id of another review
REVIEW_TEXT_BYTES_MAX: Final = 65_536
MISSING_WORK_BYTES_MAX: Final = 65_536

# Lists.
LIST_DEFAULT: Final = 100
LIST_MAX: Final = 1000
MOVES_MAX: Final = 8192  # of the rows of a list, remembered for those who read it in pages
LOOKED_AT_MAX: Final = 2048  # tasks of a list in one go: some 2 ms
PAGE_TASKS_MAX: Final = 2048  # looked into for one page of runs or reviews, at up to 0.1 ms each
WALL_BACK_S_MAX: Final = 86_400  # that the wall may be set back by for times still to be found
DETAIL_EVENTS_MAX: Final = 100
BACKLOG_DEFAULT: Final = 50
BACKLOG_MAX: Final = 500
DASHBOARD_RUNS_MAX: Final = 4  # active runs that the dashboard shows
HISTORY_MINUTES_DEFAULT: Final = 60
HISTORY_MINUTES_MAX: Final = 1440  # a day
HISTORY_GIVEN_BACK_MAX: Final = 8192  # queued runs of which it is known when they were given back
DRAIN_RUNS_MAX: Final = 100  # runs at work that a drain names that has waited in vain

# Actors.
MAILBOX_MAX: Final = 512  # callers' messages to one actor; effects are not counted
BATCH_MAX: Final = 64  # messages handled between two checkpoints of Trio
SLICE_MAX: Final = 64  # items of long work done in one go: some 5 ms at 80 µs each
WOKEN_MAX: Final = (
    16  # tasks sent a message in one go whose actors may have to be made: 0.4 ms each
)
PUBLISHED_MAX: Final = 32  # records of one commit that are handed on in one go
COLLECTED_RECORDS: Final = 256  # between two garbage collections, the larger of which take 10 ms
COLLECTIONS_TO_OLD: Final = 2  # to one that also looks at what the others left, a second time
COMPARISONS_MAX: Final = (
    128  # of runs with sessions in one go, at up to 6 µs; the last run's are more
)
TAKERS_KEPT_S: Final = 1  # who could claim; meanwhile nobody is noticed to have gone away
EVICTION_SCAN_MAX: Final = 64  # residents at rest that are looked at to make room for one
RESIDENTS_DEFAULT: Final = 10_000  # resident task actors; about 5 KB each
JOURNAL_PENDING_MAX: Final = 16_384  # records decided and not yet on disk; then actors wait
FAN_OUT_MAX: Final = CHILDREN_MAX  # effects of one record; more dependents follow in further ones
AWAITED_EFFECTS_MAX: Final = 256  # an answer waits for no more effects than this
EFFECTS_AT_ONCE_MAX: Final = 16  # with their tasks at a time, all in one pass of Trio: some 5 ms
STREAM_BUFFER_MAX: Final = 256  # events a subscriber may lag behind
STREAM_BEHIND_TASKS_MAX: Final = 8192  # that have changed since a stream of all tasks was left

# Faults.
CRASHES_MAX: Final = 8  # of one task's actor within the window; after that it is set aside
CRASH_WINDOW_S: Final = 60
CRASHES_AT_ONCE_MAX: Final = 3  # that an effect or a timer is tried again after, without a pause
CRASH_PAUSE_S: Final = 10  # before it is tried again after more, as often as it takes
WATCH_PAUSE_S: Final = 1  # after a crash of what was due, before it is looked at again
FAULTS_SHOWN_MAX: Final = 100  # that /readyz names

# Bridges.
DELIVERIES_AT_ONCE_MAX: Final = 8  # through one bridge
RETRY_FIRST_S: Final = 1.0  # after the first failure; twice as long after each further one
RETRY_S_MAX: Final = 300.0
RETRY_AFTER_S_MAX: Final = 86_400.0  # that a receiver may ask for; what is longer is not heeded
DELIVERY_S_DEFAULT: Final = 259_200  # a message is tried for three days
DELIVERY_NOTES: Final = 64  # in that time, of how long it was tried: what a restart may forget

# Sessions.
SELF_REGISTERED_MAX: Final = 10_000
SELF_REGISTERED_IDLE_S: Final = 900
ENDED_SESSION_S: Final = 86_400  # an ended session's id answers 401 for this long
SESSION_AWAY_S: Final = 900  # not heard of for so long, a session is not counted on
SIGHTING_S: Final = 1  # how exactly it is known when a session last called
FORGET_STEP_MAX: Final = 64  # sessions looked at in one go
FORGET_AGAIN_S: Final = 60  # until it is tried again, where it could not be written

# Time.
TIME_NS_MAX: Final = 2**63 - 1  # in the year 2262; later times cannot be stored
TICK_S: Final = 0.2  # Trio's loop turns at least so often, so that a resume is seen soon
TURN_S_MAX: Final = 0.4  # of one turn; what is longer is a stall, and no lease pays for it
STALL_TOLD_S: Final = 1.0  # a stall from here on is logged; shorter ones are counted only
WALL_SLEW_NS_MAX: Final = 10_000_000  # further off, the wall is read anew
WALL_STEP_NS: Final = NS  # from here on the wall was set, not slewed
WALL_STEPS_MAX: Final = 64  # remembered, to tell how old a time is that was written before them
