// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Testing

/// Journeys with peers that share no code with us, one after the other because they measure time.
@Suite("Real peers", .serialized)
enum RealPeers {}
