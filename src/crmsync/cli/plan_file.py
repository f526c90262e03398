"""A plan by its id or from its file, so that a plan reviewed in a repository is the plan that is applied."""

from __future__ import annotations

from pathlib import Path

from crmsync.engine.context import Context
from crmsync.errors import CrmsyncError, StalePlan
from crmsync.model.plan import Plan
from crmsync.planning.digest import plan_digest
from crmsync.planning.render import plan_from_json
from crmsync.store import PlanStatus


def load_plan(context: Context, id_or_file: str) -> Plan:
    """The saved plan of that id, or the one in that file; a file's plan that the store has not seen is saved first.

    Raises StoreError for an unknown id, CrmsyncError for a file that is no plan, StalePlan for one that was altered.
    """
    path = Path(id_or_file)
    if path.suffix or path.is_file():
        return _from_file(context, path)
    return context.store.plans.load(id_or_file)


def _from_file(context: Context, path: Path) -> Plan:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is not text"
        raise CrmsyncError(f"{path}: cannot be read ({said}); give a plan's id or a file of plan --out.") from None
    plan = plan_from_json(text, str(path))
    if plan.digest != plan_digest(plan.changes, plan.basis, plan.guards):
        raise StalePlan(f"{path}: its changes are not those that its digest was taken of; plan again.")
    if plan.portal != context.portal.name:
        raise StalePlan(f"{path} was made for portal {plan.portal}, not {context.portal.name}; name it with --portal.")
    if context.store.plans.get(plan.id) is None:
        status = PlanStatus.BREACHED if plan.breaches else PlanStatus.OPEN
        context.store.plans.save(plan, context.now(), status=status)
        return plan
    saved = context.store.plans.load(plan.id)
    if saved.digest != plan.digest:
        raise StalePlan(f"{path}: another plan was saved under the id {plan.id}; plan again.")
    return saved
