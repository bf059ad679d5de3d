"""crm web: the database in a browser, to look at (cli.md §5)."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from crmcli import readonly
from crmcli.cli.session import session
from crmcli.errors import BadConfig, Busy

app = typer.Typer()


@app.command()
def web(
    ctx: typer.Context,
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 takes a free one.")] = 8001,
    host: Annotated[str, typer.Option(help="The address to listen on; others than this machine's need the link.")] = "127.0.0.1",
    login: Annotated[bool, typer.Option("--login", help="Show it only to who opens the link that is printed.")] = False,
    open_: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
) -> None:
    """Show cases, partners, mails and saved queries in a browser, reading only, until interrupted.

    It needs Datasette: pip install 'crmcli[web]'. Other people of this machine can see the pages unless --login is given;
    keys and the bytes of mails are on none of them.

    Example: crm web --port 8001
    """
    s = session(ctx)
    readonly.connect(s.path).close()
    try:
        from crmcli.web import serve
    except ImportError:
        raise BadConfig("this needs Datasette", hint="pip install 'crmcli[web]'") from None
    try:
        listener = serve.listening(host, port)
    except OSError as error:
        raise Busy(f"cannot listen on {host}:{port}: {error.strerror}", hint="another port: --port 0 takes a free one") from None
    login = login or host not in serve.HERE
    made = serve.prepared(s.path, f"crm: {os.path.basename(s.path)}", s.now if s.settings["now"].value else None, login)
    url = serve.address(made, listener, login)
    sys.stdout.write(url + "\n")
    sys.stdout.flush()
    if open_:
        import webbrowser

        webbrowser.open(url)
    serve.serve(made, listener, host)
