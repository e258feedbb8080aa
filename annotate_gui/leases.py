"""Which tab has which model before it, so that two annotators never get the same one."""

from __future__ import annotations

from dataclasses import dataclass

LEASE_S = 90.0  # a tab that has not been heard of for so long has lost its models


@dataclass(frozen=True, slots=True)
class Lease:
    """A tab's hold on a model."""

    session: str
    by: str
    until: float  # seconds of the clock that `now` is of


class Leases:
    """Model id -> lease. Every method is told the time."""

    def __init__(self) -> None:
        self._leases: dict[str, Lease] = {}

    def holder(self, model_id: str, now: float) -> Lease | None:
        """Who has a model, or None."""
        lease = self._leases.get(model_id)
        return lease if lease is not None and lease.until > now else None

    def take(self, model_id: str, session: str, by: str, now: float) -> bool:
        """Give a model to a tab, or keep it there; False if another tab has it."""
        holder = self.holder(model_id, now)
        if holder is not None and holder.session != session:
            return False
        self._leases[model_id] = Lease(session, by, now + LEASE_S)
        return True

    def keep_only(self, session: str, model_ids: set[str]) -> None:
        """Free what a tab has but these."""
        self._leases = {
            model_id: lease
            for model_id, lease in self._leases.items()
            if lease.session != session or model_id in model_ids
        }

    def names(self, now: float) -> dict[str, Lease]:
        """All leases that hold."""
        return {model_id: lease for model_id, lease in self._leases.items() if lease.until > now}
