{{- define "openshell.selector" -}}
app.kubernetes.io/name: openshell
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "openshell.labels" -}}
{{ include "openshell.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "openshell.sandboxNamespace" -}}
{{ .Values.server.sandboxNamespace | default .Release.Namespace }}
{{- end }}

{{/* Given, else the running release's, else new. */}}
{{- define "openshell.sshHandshakeSecret" -}}
{{- $old := lookup "v1" "Secret" .Release.Namespace "openshell-ssh-handshake" -}}
{{- if .Values.server.sshHandshakeSecret -}}
{{ .Values.server.sshHandshakeSecret | b64enc }}
{{- else if $old -}}
{{ index $old.data "secret" }}
{{- else -}}
{{ randBytes 32 | b64dec | printf "%x" | b64enc }}
{{- end -}}
{{- end }}
