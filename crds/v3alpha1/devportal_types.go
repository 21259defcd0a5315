package v3alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// DevPortalSpec says what a developer portal shows.
type DevPortalSpec struct {
	// Instances that serve the object, by their `AMBASSADOR_ID`, so that
	// several installations can share a cluster; `_automatic_` stands for
	// every instance. Default: `["default"]`.
	// +optional
	AmbassadorID AmbassadorID `json:"ambassador_id,omitempty"`

	// Whether this is the portal shown when none is asked for. Default:
	// `false`.
	// +optional
	Default bool `json:"default,omitempty"`

	// Where the portal's pages come from.
	// +optional
	Content *DevPortalContent `json:"content,omitempty"`

	// Documents to show, listed one by one.
	// +optional
	Docs []DevPortalDocs `json:"docs,omitempty"`

	// Mappings whose documents to show.
	// +optional
	Selector *DevPortalSelector `json:"selector,omitempty"`

	// How services are named. Default: `namespace.name`.
	// +optional
	// +kubebuilder:validation:Enum="namespace.name";"name.prefix"
	NamingScheme string `json:"naming_scheme,omitempty"`

	// The portal's search.
	// +optional
	Search *DevPortalSearch `json:"search,omitempty"`

	// Keep the servers that a document names, instead of the address it was
	// fetched from. Default: `false`.
	// +optional
	PreserveServers *bool `json:"preserve_servers,omitempty"`
}

// DevPortalContent is a Git repository with a portal's pages.
type DevPortalContent struct {
	// URL of the repository.
	// +optional
	URL string `json:"url,omitempty"`

	// Branch of the repository.
	// +optional
	Branch string `json:"branch,omitempty"`

	// Directory in the repository.
	// +optional
	Dir string `json:"dir,omitempty"`
}

// DevPortalDocs is one document to show.
type DevPortalDocs struct {
	// Service that is documented.
	// +optional
	Service string `json:"service,omitempty"`

	// URL of the document.
	// +optional
	URL string `json:"url,omitempty"`

	// Time to wait for the document, in milliseconds. Default: whatever reads
	// it decides.
	// +optional
	TimeoutMs *int `json:"timeout_ms,omitempty"`
}

// DevPortalSelector selects Mappings.
type DevPortalSelector struct {
	// Namespaces of the Mappings.
	// +optional
	MatchNamespaces []string `json:"matchNamespaces,omitempty"`

	// Labels of the Mappings.
	// +optional
	MatchLabels map[string]string `json:"matchLabels,omitempty"`
}

// DevPortalSearch is the settings of a portal's search.
type DevPortalSearch struct {
	// Whether there is a search. Default: `false`.
	// +optional
	Enabled *bool `json:"enabled,omitempty"`

	// What is searched: `title-only` or `all-content`. Default: `title-only`.
	// +optional
	// +kubebuilder:validation:Enum=title-only;all-content
	Type string `json:"type,omitempty"`
}

// DevPortal describes a developer portal. It is accepted for compatibility and
// has no effect: the portal is another product.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:storageversion
// +kubebuilder:resource:scope=Namespaced,categories=ambassador-crds
// +kubebuilder:printcolumn:name="Default",type=boolean,JSONPath=`.spec.default`
// +kubebuilder:printcolumn:name="Programmed",type=string,JSONPath=`.status.conditions[?(@.type=="Programmed")].status`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type DevPortal struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   DevPortalSpec `json:"spec,omitempty"`
	Status Status        `json:"status,omitempty"`
}

// GetAmbassadorID implements [Object].
func (d *DevPortal) GetAmbassadorID() AmbassadorID { return d.Spec.AmbassadorID }

// GetConditions implements [Object].
func (d *DevPortal) GetConditions() *[]metav1.Condition { return &d.Status.Conditions }

// GetInstances implements [Object].
func (d *DevPortal) GetInstances() *[]InstanceStatus { return &d.Status.Instances }

// DevPortalList is a list of DevPortals.
//
// +kubebuilder:object:root=true
type DevPortalList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []DevPortal `json:"items"`
}
