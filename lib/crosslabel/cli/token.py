"""``crosslabel token add``, ``list`` and ``revoke``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from crosslabel.cli.console import print_json, stderr, stdout
from crosslabel.cli.options import JsonOption
from crosslabel.paths import security_dir
from crosslabel.server.security.roles import Role

if TYPE_CHECKING:
    from crosslabel.server.security.tokens import TokenStore

token_commands = typer.Typer(help="Who may use a server.", no_args_is_help=True, rich_markup_mode="rich")

NameArgument = Annotated[str, typer.Argument(help="Who uses the token, as it stands in the audit log.")]


@token_commands.command(epilog="[bold]Example:[/bold] crosslabel token add ward3 --role annotate")
def add(
    name: NameArgument,
    role: Annotated[Role, typer.Option(help="What the token may do; each role may do all of those before it.")],
) -> None:
    """Make a token and show it, once."""
    token = _store().add(name, role)
    stderr().print(
        f"The token of '{name}' is shown this once; clients send it as the password, or as a bearer token:",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    typer.echo(token)


@token_commands.command("list", epilog="[bold]Example:[/bold] crosslabel token list --json")
def list_tokens(as_json: JsonOption = False) -> None:
    """Show the tokens' names, roles and dates."""
    records = [record.model_dump(mode="json", exclude={"salt", "digest"}) for record in _store().all()]
    if as_json:
        print_json(records)
        return
    if not records:
        stdout().print("There is no token yet; 'crosslabel token add NAME --role annotate' makes one.", soft_wrap=True)
    for record in records:
        state = f"revoked {record['revoked'][:10]}" if record["revoked"] else f"last used {record['last_used'] or 'never'}"
        line = f"{record['name']:24} {record['role']:10}  made {record['created'][:10]}  {state}"
        stdout().print(line, markup=False, highlight=False, soft_wrap=True)


@token_commands.command(epilog="[bold]Example:[/bold] crosslabel token revoke ward3")
def revoke(name: NameArgument) -> None:
    """End a token at once, also in a server that runs."""
    _store().revoke(name)
    stdout().print(f"The token of '{name}' opens nothing any more.", markup=False, highlight=False, soft_wrap=True)


def _store() -> TokenStore:
    from crosslabel.server.security.tokens import TokenStore

    return TokenStore(security_dir())
