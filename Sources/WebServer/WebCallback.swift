// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import CWebSockets

/// libwebsockets' one callback: finds the loop and tells it what happened.
func webCallback(
    handle: OpaquePointer?, reason: lws_callback_reasons, session: UnsafeMutableRawPointer?,
    input: UnsafeMutableRawPointer?, length: Int
) -> Int32 {
    guard let handle, let context = lws_get_context(handle), let user = lws_context_user(context) else { return 0 }
    let loop = Unmanaged<WebLoop>.fromOpaque(user).takeUnretainedValue()
    let bytes = UnsafeRawBufferPointer(start: input, count: input == nil ? 0 : length)
    switch reason {
    case LWS_CALLBACK_RAW_RX_FILE:
        loop.accept(from: Int32(lws_get_socket_fd(handle)))
        return 0
    case LWS_CALLBACK_HTTP: return loop.begin(handle)
    case LWS_CALLBACK_HTTP_BODY: return loop.receive(bytes, on: handle)
    case LWS_CALLBACK_HTTP_BODY_COMPLETION: return loop.complete(handle)
    case LWS_CALLBACK_HTTP_WRITEABLE: return loop.write(handle)
    case LWS_CALLBACK_TIMER: return loop.timeOut(handle)
    case LWS_CALLBACK_EVENT_WAIT_CANCELLED:
        loop.takeAnswers()
        return 0
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE: return loop.refuseUpgrade(handle)
    case LWS_CALLBACK_RAW_RX: return loop.refuseRaw(bytes, on: handle)
    case LWS_CALLBACK_CLOSED_HTTP, LWS_CALLBACK_RAW_CLOSE, LWS_CALLBACK_WSI_DESTROY:
        loop.forget(handle)
        return 0
    default: return 0
    }
}
