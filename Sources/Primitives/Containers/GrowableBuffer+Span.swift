// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

extension GrowableBuffer where Element: BitwiseCopyable {
    /// The elements, for who only reads them.
    public var span: Span<Element> {
        @_lifetime(borrow self)
        get {
            let span = Span(_unsafeStart: UnsafePointer(base), count: filled)
            return _overrideLifetime(span, borrowing: self)
        }
    }

    /// The elements, for who changes them and not their number.
    public var mutableSpan: MutableSpan<Element> {
        @_lifetime(&self)
        mutating get {
            let span = MutableSpan(_unsafeStart: base, count: filled)
            return _overrideLifetime(span, mutating: &self)
        }
    }
}
