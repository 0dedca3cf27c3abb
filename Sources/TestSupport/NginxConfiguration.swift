// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// An nginx that a test puts in front of a bridge: one process in the foreground whose files all lie in one folder.
public enum NginxConfiguration {
    /// The program.
    public static let program = "/usr/sbin/nginx"
    /// What deployments set so that a WebSocket gets through.
    public static let upgradeHeaders =
        "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection \"upgrade\";"

    /// The program's arguments.
    /// - Parameter folder: where ``text(folder:http:)`` lies as `nginx.conf`.
    public static func arguments(folder: String) -> [String] {
        ["-e", "stderr", "-p", folder, "-c", folder + "/nginx.conf"]
    }

    /// The whole configuration; the number of the process is in `nginx.pid`.
    /// - Parameter http: what stands in the block `http`.
    public static func text(folder: String, http: String) -> String {
        """
        daemon off; worker_processes 1; pid \(folder)/nginx.pid; error_log stderr;
        events { worker_connections 256; }
        http {
          access_log off;
          client_body_temp_path \(folder)/body; proxy_temp_path \(folder)/proxy;
          fastcgi_temp_path \(folder)/f; uwsgi_temp_path \(folder)/u; scgi_temp_path \(folder)/s;
          \(http)
        }

        """
    }

    /// What leads WebSockets to a bridge with the server id `jvb-1`, as deployments have it; another id leads nowhere.
    /// - Parameters:
    ///   - listen: port and what else `listen` takes.
    ///   - bridge: the bridge's public port.
    ///   - headers: what is set for the request that goes on.
    ///   - more: what else stands in the block `server`.
    public static func channels(
        listen: String, bridge: UInt16, headers: String = upgradeHeaders, more: String = ""
    ) -> String {
        """
        map $bridge $address { jvb-1 127.0.0.1:\(bridge); default 127.0.0.1:1; }
        server {
          listen 127.0.0.1:\(listen);
          \(more)
          location ~ ^/colibri-ws/(?<bridge>[a-zA-Z0-9._-]+)/(.*) {
            proxy_pass http://$address/colibri-ws/$bridge/$2$is_args$args;
            proxy_http_version 1.1;
            \(headers)
            tcp_nodelay on;
          }
        }
        """
    }
}
