//go:build torture

package release

func init() {
	everyWay = true
	services = []string{
		"api-gateway", "unified-profile", "buddy-service", "q2q-ai", "safety-moderation", "analytics",
		"journey", "impact-in", "discord-bot", "reporting", "corp-cockpit",
	}
}
