import asyncio
from pathlib import Path

from fogbank.core.alarms import WHEN_FULL_MS, Alarm, Alarms
from fogbank.core.clock import Clock
from fogbank.core.cloud import Cloud
from fogbank.core.errors import StorageFull

KEY = ("a",)


def test_an_alarm_that_found_no_room_on_the_disk_rings_again_when_there_may_be_some(tmp_path: Path) -> None:
    async def run() -> list[str]:
        cloud = Cloud(tmp_path, services={}, sync="process", clock=Clock(virtual=True))
        tries: list[str] = []

        def ring(key: tuple[str], alarm: Alarm) -> None:
            tries.append(alarm.note)
            if len(tries) == 1:
                raise StorageFull

        alarms = Alarms(cloud, "test.alarms", key=(str,), ring=ring)
        await cloud.store.run(alarms.set, KEY, cloud.clock.now_ms() + 60_000, "note")
        for wait_ms in (60_000, WHEN_FULL_MS, 600_000):
            cloud.clock.advance(wait_ms)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        assert alarms.get(KEY) is None
        await cloud.stop()
        return tries

    assert asyncio.run(run()) == ["note", "note"]
