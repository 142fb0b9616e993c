"""What encrypting Temporal's payloads costs: CPU microseconds for one, to encode and to decode. `python -m bench.payloads`."""

import asyncio
import os
import time

from temporalio.api.common.v1 import Payload

from agents_backend.integrations.payloads import EncryptedPayloads
from agents_backend.integrations.vault import Keyring
from agents_backend.settings import VaultSettings

SIZES = (100, 1_000, 10_000, 100_000, 1_000_000)
ROUNDS = 5


async def cost(codec: EncryptedPayloads, size: int) -> tuple[float, float]:
    """The best of some rounds, encoding and decoding, in microseconds."""
    plain = [Payload(metadata={"encoding": b"json/plain"}, data=os.urandom(size))]
    encoded = await codec.encode(plain)
    times = max(20, 20_000_000 // (size + 1_000))
    found = []
    for work, given in ((codec.encode, plain), (codec.decode, encoded)):
        rounds = []
        for _ in range(ROUNDS):
            began = time.process_time()
            for _ in range(times):
                await work(given)
            rounds.append((time.process_time() - began) / times * 1e6)
        found.append(min(rounds))
    return found[0], found[1]


async def main() -> None:
    keyring = Keyring(VaultSettings(keys=os.urandom(32).hex()), "bench")
    print(f"{'bytes':>9}  {'encode µs':>10}  {'decode µs':>10}  {'turned off':>10}")
    for size in SIZES:
        encode, decode = await cost(EncryptedPayloads(keyring, encrypts=True), size)
        idle, _ = await cost(EncryptedPayloads(keyring, encrypts=False), size)
        print(f"{size:>9}  {encode:>10.1f}  {decode:>10.1f}  {idle:>10.1f}")


if __name__ == "__main__":
    asyncio.run(main())
