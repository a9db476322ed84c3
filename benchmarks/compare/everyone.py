"""All contenders, in the order in which they have their turns."""

from collections.abc import Sequence
from typing import Final

from benchmarks.compare.beanstalkd import Beanstalkd
from benchmarks.compare.constant import ConstantAnswer
from benchmarks.compare.contender import Contender
from benchmarks.compare.dramatiq_redis import DramatiqRedis
from benchmarks.compare.huey_sqlite import HueySqlite
from benchmarks.compare.ours import BATCH, InProcess, OverHttp, OverSocket
from benchmarks.compare.pgqueuer_postgres import PgQueuerPostgres
from benchmarks.compare.postgres import SkipLocked
from benchmarks.compare.procrastinate_postgres import ProcrastinatePostgres
from benchmarks.compare.redis_streams import RedisStreams

IN_PROCESS: Final = InProcess()
IN_PROCESS_BATCHES: Final = InProcess(BATCH)
SOCKET: Final = OverSocket()
SOCKET_BATCHES: Final = OverSocket(BATCH)
HTTP: Final = OverHttp()
CONSTANT: Final = ConstantAnswer()
BEANSTALKD: Final = Beanstalkd(is_synced=True)
POSTGRES: Final = SkipLocked()
POSTGRES_BATCHES: Final = SkipLocked(BATCH)

CONTENDERS: Final[Sequence[Contender]] = (
    IN_PROCESS,
    SOCKET,
    HTTP,
    CONSTANT,
    IN_PROCESS_BATCHES,
    SOCKET_BATCHES,
    BEANSTALKD,
    Beanstalkd(is_synced=False),
    RedisStreams(),
    POSTGRES,
    POSTGRES_BATCHES,
    ProcrastinatePostgres(),
    PgQueuerPostgres(),
    HueySqlite(),
    DramatiqRedis(),
)
_BY_NAME: Final = {contender.name: contender for contender in CONTENDERS}


def contender_named(name: str) -> Contender:
    return _BY_NAME[name]
