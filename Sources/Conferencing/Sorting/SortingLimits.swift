// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import ICE
public import Primitives

// Sizes of door 2's tables.

extension ConferencingLimits {
    /// ICE agents of an endpoint while a restart follows another: the coming one, the one in use, the former one.
    static let agentsPerEndpoint = 3
    /// 4-tuples that lead to an endpoint, per worker: as many as its agents may hold together.
    public static let flows = endpoints * ICELimits.remoteAddresses * agentsPerEndpoint
    /// 4-tuples claimed by a request and not proven yet, per worker; a power of two. A new claim takes the place of an
    /// old one.
    public static let flowClaims = 1_024
    /// How long a claim counts: as long as the check that would prove it is repeated.
    public static let claimLifetime = TimeDelta.seconds(7 as Int64)
}
