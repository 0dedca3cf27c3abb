// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Testing

/// `#expect` for conditions on noncopyable values, which the macro cannot take apart.
func expect(_ condition: Bool, _ comment: Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(condition, comment, sourceLocation: sourceLocation)
}
