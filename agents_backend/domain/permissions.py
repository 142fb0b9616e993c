"""The names of all permissions, as the menu tree that a first start makes. A new admin route adds its name here.

Routes name one of these (`requires("sys:user:add")`); menus of the type `button` carry them; a test holds both to this list.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from agents_backend.domain.rights import MenuType


@dataclass(frozen=True)
class Entry:
    """A menu of the first start. `name` is unique; a button's name is its permission."""

    type: MenuType
    name: str
    title: str
    path: str = ""
    icon: str = ""
    children: "tuple[Entry, ...]" = ()

    @property
    def permission(self) -> str | None:
        return self.name if self.type is MenuType.BUTTON else None

    def permissions(self) -> Iterator[str]:
        if self.permission:
            yield self.permission
        for child in self.children:
            yield from child.permissions()


def _directory(name: str, title: str, icon: str, *pages: Entry) -> Entry:
    return Entry(MenuType.DIRECTORY, name, title, f"/{name}", icon, pages)


def _page(name: str, title: str, path: str, **buttons: str) -> Entry:
    """A page and its buttons: `add="Add users"` is the permission `<name>:add`."""
    made = tuple(Entry(MenuType.BUTTON, f"{name}:{verb}", label) for verb, label in buttons.items())
    return Entry(MenuType.PAGE, name, title, path, "", made)


CATALOG: tuple[Entry, ...] = (
    _directory(
        "system",
        "System",
        "settings",
        _page(
            "sys:user",
            "Users",
            "/system/users",
            list="See users",
            add="Add users",
            edit="Change users",
            delete="Delete users",
            password="Set another's password",  # noqa: S106  # a label
            superuser="Make superusers",
        ),
        _page(
            "sys:role",
            "Roles",
            "/system/roles",
            list="See roles",
            add="Add roles",
            edit="Change roles",
            delete="Delete roles",
            grant="Set a role's menus",
        ),
        _page(
            "sys:dept",
            "Departments",
            "/system/depts",
            list="See departments",
            add="Add departments",
            edit="Change departments",
            delete="Delete departments",
        ),
        _page(
            "sys:menu",
            "Menus",
            "/system/menus",
            list="See menus",
            add="Add menus",
            edit="Change menus",
            delete="Delete menus",
        ),
    ),
    _directory(
        "log",
        "Logs",
        "list",
        _page("log:login", "Login logs", "/log/login", list="See login logs", delete="Delete login logs"),
        _page("log:opera", "Operation logs", "/log/opera", list="See operation logs", delete="Delete operation logs"),
    ),
    _directory(
        "task",
        "Tasks",
        "clock",
        _page("task:scheduler", "Schedulers", "/task/schedulers", upkeep="Schedule the deployment's upkeep"),
    ),
    _directory(
        "monitor",
        "Monitor",
        "activity",
        _page(
            "monitor:server",
            "Server",
            "/monitor/server",
            view="See the server's state",
            payloads="Read what Temporal's histories hold",
        ),
        _page("monitor:redis", "Redis", "/monitor/redis", view="See Redis's state"),
        _page(
            "monitor:session", "Sessions", "/monitor/sessions", list="See who is signed in", delete="Sign others out"
        ),
    ),
    _directory(
        "credits",
        "Credits",
        "coins",
        _page("credits:account", "Accounts", "/credits/accounts", list="See what users have", add="Add credits"),
        _page("credits:usage", "Use", "/credits/usage", list="See what was used"),
    ),
    _directory(
        "gen",
        "Generator",
        "code",
        _page(
            "gen:business",
            "Code generator",
            "/gen/business",
            list="See what code is generated for",
            add="Add descriptions of tables",
            edit="Change descriptions of tables",
            delete="Delete descriptions of tables",
            generate="Generate code",
        ),
    ),
    _directory(
        "agent",
        "Agents",
        "activity",
        _page(
            "agent:mcp",
            "MCP servers",
            "/agent/mcp",
            add="Add MCP servers",
            edit="Change MCP servers",
            delete="Delete MCP servers",
        ),
    ),
)

PERMISSIONS: frozenset[str] = frozenset(name for entry in CATALOG for name in entry.permissions())
