# peers.bats - what programs beyond Debian say; `make check-peers` builds them.

load ../helpers

chart=$SLIPWAY_ROOT/deploy/helm/openshell

@test "peers: helm lints the chart" {
	peer helm
	helm lint --strict "$chart"
}

@test "peers: helm renders the gateway's StatefulSet with the values given" {
	peer helm
	helm template --kube-version v1.29.8 openshell "$chart" --namespace openshell \
		--set image.repository=127.0.0.1:5000/openshell/gateway \
		--set image.tag=dev,image.pullPolicy=Always \
		--set server.grpcEndpoint=https://example:8080 \
		--set server.sshHandshakeSecret=0011 \
		--set hostGatewayIP=192.0.2.1 \
		--set server.tls.certSecretName=my-tls > out
	grep 'image: "127.0.0.1:5000/openshell/gateway:dev"' out
	grep 'imagePullPolicy: Always' out
	grep 'value: "https://example:8080"' out
	grep 'ip: "192.0.2.1"' out
	grep 'secretName: my-tls' out
	grep 'args: \["--port", "8080"\]' out
	grep "secret: \"$(printf 0011 | base64)\"" out
	# The supervisor is mounted into sandbox pods, not into the gateway.
	run grep -c hostPath: out
	is 0 "$output"
}

@test "peers: helm makes a handshake secret of 32 bytes in hex where none is given" {
	peer helm
	helm template --kube-version v1.29.8 openshell "$chart" > out
	sed -n 's/^ *secret: "\(.*\)"$/\1/p' out | base64 -d | grep -xE '[0-9a-f]{64}'
}

@test "peers: helm shows the packaged chart" {
	peer helm
	"$SLIPWAY_ROOT/scripts/package-chart.sh" "$chart" with
	helm lint with/openshell-0.1.0.tgz
	"$SLIPWAY_ROOT/scripts/package-chart.sh" "$chart" again
	cmp with/*.tgz again/*.tgz
}

@test "peers: regctl reads the index and each image of a layout" {
	peer regctl
	mkdir -p c/amd64 c/arm64
	echo x > c/amd64/f
	echo y > c/arm64/f
	cat > c/Dockerfile <<-'DOCKERFILE'
		FROM scratch
		ARG TARGETARCH
		COPY ${TARGETARCH}/ /
	DOCKERFILE
	img-build --platform linux/amd64,linux/arm64 -f c/Dockerfile -t x:1 \
		-o 'oci:l:1-{arch}' c |
		manifest-assemble -t x:1 -o oci:l:1 > out
	is "$(field .index.digest)" "$(regctl manifest head ocidir://l:1)"
	for arch in amd64 arm64; do
		regctl image inspect --platform linux/$arch ocidir://l:1 |
			jq -e --arg a $arch '.architecture == $a'
	done
}
