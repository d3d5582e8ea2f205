"""Refuse every socket that leaves this machine, in this Python and its children.

`tests/sandbox.py` puts this folder on PYTHONPATH, so that the kernels of the
lessons and the builds of the website run without a network, too.
"""

import ipaddress
import sys

LOCAL_NAMES = {"localhost", "ip6-localhost", "", None}


class NoNetworkError(OSError):
    """A connection to another machine was tried."""


def is_local(host):
    """Tell whether a host is this machine; 0.0.0.0 and :: listen, they reach nobody."""
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    if host in LOCAL_NAMES:
        return True
    try:
        address = ipaddress.ip_address(host.split("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def refuse(event, arguments):
    """Raise `NoNetworkError` for a connection, a message or a question of names."""
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else None
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        host = arguments[0]
    else:
        return
    if not is_local(host):
        raise NoNetworkError(f"The tests have no network; {event} was called for {host!r}")


sys.addaudithook(refuse)
