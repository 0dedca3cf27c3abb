-- Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0
-- A Prosody just large enough for a bridge and a focus: one host for their accounts, one room service for the brewery.
-- `make demo` runs it as it is (scripts/prosody); for a real installation take over the two hosts at the end.
--
-- Environment: VIADUCT_PROSODY_DIR, absolute, for accounts, certificate and pid (scripts/prosody fills it);
-- VIADUCT_PROSODY_PORT, default 5222.

local directory = ENV_VIADUCT_PROSODY_DIR or "/var/lib/prosody"

run_as_root = true -- in containers; harmless elsewhere
pidfile = directory .. "/prosody.pid"
data_path = directory .. "/data"
certificates = directory .. "/certs"
log = { { levels = { min = "info" }, to = "console" } }

modules_enabled = { "roster", "saslauth", "tls", "disco", "ping" }
modules_disabled = { "s2s", "offline", "register" }

interfaces = { "127.0.0.1", "::1" }
c2s_ports = { tonumber(ENV_VIADUCT_PROSODY_PORT or 5222) }
c2s_require_encryption = true
authentication = "internal_hashed" -- offers SCRAM-SHA-1, and PLAIN under TLS

-- The focus submits the room's configuration form when it joins, so it must be the owner whoever came first.
-- Since Prosody 13 that must be asked for.
admins = { "focus@auth.bridge.test", "jvb@auth.bridge.test" }
component_admins_as_room_owners = true

VirtualHost "auth.bridge.test"
  ssl = {
    key = directory .. "/certs/auth.bridge.test.key";
    certificate = directory .. "/certs/auth.bridge.test.crt";
  }
  modules_enabled = { "smacks" }
  smacks_hibernation_time = 15 -- a dead bridge must not haunt the room for long

Component "internal.auth.bridge.test" "muc"
  storage = "memory"
  restrict_room_creation = true -- both users are admins
  muc_room_locking = false
  muc_room_default_public_jids = true
  muc_tombstones = false
