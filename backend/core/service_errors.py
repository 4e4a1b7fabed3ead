"""Errors of upstreams, of this process, its settings, keys and databases; ``errors`` draws the whole tree."""

from backend.core.error_root import EmporionError


class UpstreamError(EmporionError):
    """What serves the model failed. The upstream's own words are never passed on."""

    status = 502
    code = "upstream_error"
    retryable = True


class UpstreamRejected(UpstreamError):
    """The upstream refused this request; another try would be refused too."""

    code = "upstream_rejected"
    retryable = False


class UpstreamUnavailable(UpstreamError):
    """No healthy upstream is left."""

    status = 503
    code = "upstream_unavailable"


class UpstreamTimeout(UpstreamError):
    """The upstream did not answer in time."""

    status = 504
    code = "upstream_timeout"


class AddressBlocked(UpstreamError):
    """An outgoing request to an address, port or path that is not allowed."""

    code = "address_blocked"
    retryable = False


class Unavailable(EmporionError):
    """This process cannot serve now."""

    status = 503
    code = "unavailable"
    retryable = True


class IndexStale(Unavailable):
    """The node has not confirmed the indexed head for too long."""

    code = "index_stale"


class PortAbsent(Unavailable):
    """A port to the node (signature oracle, payments) was not handed in at start."""

    code = "port_absent"
    retryable = False


class LimitsUnreachable(Unavailable):
    """Redis, which counts the limits that replicas share, does not answer; what has a limit is refused."""

    code = "limits_unreachable"


class Draining(Unavailable):
    """The process is stopping and takes no new work."""

    code = "draining"


class SettingsError(EmporionError):
    """A setting is missing or wrong; the message names the variable."""

    code = "settings_error"


class UnsafeSettings(SettingsError):
    """Settings that would put money or secrets at risk."""

    code = "unsafe_settings"


class MissingDependency(SettingsError):
    """A program or package that must be installed."""

    code = "missing_dependency"


class SigningKeyError(EmporionError):
    """A private key cannot be read or is not one."""

    code = "signing_key_error"


class WrongPassword(SigningKeyError):
    """The keystore's password is another."""

    code = "wrong_password"


class SigningKeyNotFound(SigningKeyError):
    """No key of this name or address."""

    code = "signing_key_not_found"


class DatabaseError(EmporionError):
    """The store failed."""

    code = "database_error"


class DatabaseUnreachable(DatabaseError):
    """No connection to the database, or it was lost."""

    status = 503
    code = "database_unreachable"
    retryable = True


class DatabaseBusy(DatabaseError):
    """A writer waited longer than it may."""

    status = 503
    code = "database_busy"
    retryable = True


class DatabaseNewer(DatabaseError):
    """The database was written by a newer version of this program."""

    code = "database_newer"


class DatabaseMismatch(DatabaseError):
    """The database belongs to another chain or deployment."""

    code = "database_mismatch"
