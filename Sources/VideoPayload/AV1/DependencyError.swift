// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Why a dependency descriptor was refused.
public enum DependencyError: Error, Sendable {
    /// It ends before what it announces.
    case truncated
    /// It breaks a rule: layers or references beyond the limits, or a template that its own structure lacks.
    case impossible
}
