// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Named limits of this target.
public enum XMLLimits {}
