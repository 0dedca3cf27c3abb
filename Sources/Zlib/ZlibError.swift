// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Why zlib cannot begin: there is no memory.
public struct ZlibError: Error, Sendable {}
