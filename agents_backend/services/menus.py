"""Menus: the tree of directories, pages and buttons. A button carries a permission; whoever has the button has the right.

Nobody writes a permission into a menu that they do not hold themselves: their role may have the menu already.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from agents_backend.db import menus
from agents_backend.db.base import Database, now
from agents_backend.db.conflicts import refusals
from agents_backend.db.idempotency import Once, once
from agents_backend.db.lists import Row
from agents_backend.db.menus import MenuFilter
from agents_backend.db.tables.rights import Menu
from agents_backend.domain.audit import changed
from agents_backend.domain.errors import Conflict, Invalid, NotFound
from agents_backend.domain.principals import Principal
from agents_backend.domain.rights import MenuType
from agents_backend.domain.trees import check_place, with_ancestors
from agents_backend.services.idempotency import reading_what_was_made
from agents_backend.services.principals import Principals

_PLAIN = (
    "parent_id",
    "type",
    "name",
    "title",
    "path",
    "component",
    "icon",
    "permission",
    "sort",
    "is_visible",
    "is_enabled",
    "remark",
)


@dataclass(frozen=True)
class NewMenu:
    type: MenuType
    name: str
    title: str
    parent_id: int | None = None
    path: str = ""
    component: str = ""
    icon: str = ""
    permission: str | None = None
    sort: int = 0
    is_visible: bool = True
    is_enabled: bool = True
    remark: str = ""


class Menus:
    def __init__(self, *, database: Database, principals: Principals) -> None:
        self._database, self._principals = database, principals

    async def list(self, wanted: MenuFilter) -> Sequence[Row]:
        async with self._database.autocommit() as session:
            return await menus.listed(session, wanted)

    async def get(self, menu_id: int) -> Menu:
        """A menu.

        Raises:
            NotFound: there is none of this id.
        """
        async with self._database.autocommit() as session:
            return _there(await menus.by_id(session, menu_id))

    async def sidebar(self, actor: Principal) -> Sequence[Row]:
        """The directories and pages that somebody may open, with what stands above them."""
        async with self._database.autocommit() as session:
            shown = await menus.shown(session)
            if actor.is_superuser:
                return shown
            granted = await menus.granted(session, actor.user_id)
        wanted = with_ancestors({menu["id"]: menu["parent_id"] for menu in shown}, granted)
        return [menu for menu in shown if menu["id"] in wanted]

    async def create(self, new: NewMenu, actor: Principal, key: str | None) -> Menu:
        """A new menu.

        Raises:
            Conflict: the name or the permission is taken. Invalid: no such parent, or a permission that is no button's.
            Forbidden: the permission is not the actor's own. IdempotencyMismatch: the key was used for another body.
        """
        body = {name: getattr(new, name) for name in _PLAIN}
        request = Once(actor.user_id, key, "create_menu", body)
        async with self._database.transaction() as session, refusals(session, menus.REFUSALS):
            menu_id, made = await once(session, request, lambda: _insert(session, body, actor))
        if made:
            changed("menu", menu_id, None, body)
        with reading_what_was_made():
            return await self.get(menu_id)

    async def update(self, menu_id: int, change: Mapping[str, Any], actor: Principal) -> Menu:
        """Change the given fields; `parent_id` moves it with all that is beneath it.

        Raises:
            NotFound: not there. Conflict: the name or the permission is taken. Forbidden: a permission is not the actor's own.
            Invalid: no such parent, it stands beneath it, or a permission that is no button's.
        """
        async with self._database.transaction() as session, refusals(session, menus.REFUSALS):
            parents = await menus.lock(session)
            menu = _there(await menus.locked(session, menu_id))
            before = _told(menu)
            after = before | {name: change[name] for name in _PLAIN if name in change}
            check_place(parents, after["parent_id"], menu_id)
            _check_permission(before, actor)
            _check_permission(after, actor)
            for name, value in after.items():
                setattr(menu, name, value)
            menu.updated_at = now()
        self._principals.forget()
        changed("menu", menu_id, before, after)
        return menu

    async def delete(self, menu_id: int, actor: Principal) -> None:
        """Remove a menu without children; the roles that had it lose it.

        Raises:
            NotFound: not there. Conflict: menus stand beneath it. Forbidden: its permission is not the actor's own.
        """
        async with self._database.transaction() as session, refusals(session, menus.REFUSALS):
            await menus.lock(session)
            before = _told(_there(await menus.locked(session, menu_id)))
            _check_permission(before, actor)
            if await menus.has_children(session, menu_id):
                raise Conflict("The menu has menus beneath it.", code="MENU_HAS_CHILDREN")
            await menus.remove(session, menu_id)
        self._principals.forget()
        changed("menu", menu_id, before, None)


def _there(menu: Menu | None) -> Menu:
    if menu is None:
        raise NotFound("There is no such menu.")
    return menu


def _check_permission(values: Mapping[str, Any], actor: Principal) -> None:
    is_button = values["type"] == MenuType.BUTTON
    if is_button and not values["permission"]:
        raise Invalid.field("permission", "a button needs one")
    if not is_button and values["permission"]:
        raise Invalid.field("permission", "only a button carries one")
    if values["permission"]:
        actor.check_holds([values["permission"]])


async def _insert(session: AsyncSession, values: Mapping[str, Any], actor: Principal) -> int:
    _check_permission(values, actor)
    check_place(await menus.lock(session), values["parent_id"])
    menu = Menu(**values)
    await menus.add(session, menu)
    return menu.id


def _told(menu: Menu) -> dict[str, Any]:
    return {name: getattr(menu, name) for name in _PLAIN}
