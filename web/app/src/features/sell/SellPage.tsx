/** Selling in three steps: what, for how much and how long, pictures. The third works on a draft, which is then published. */
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import type { Auction } from "rostrum-client";
import { NeedsUser } from "../../shell/NeedsUser";
import { rostrum } from "../../lib/rostrum";
import { useText } from "../../lib/text";
import { ErrorNotice } from "../../ui/ErrorNotice";
import { Page, Skeleton } from "../../ui/Page";
import { emptyForm, fromDraft, type Form } from "./form";
import { PicturesStep } from "./PicturesStep";
import { PriceStep } from "./PriceStep";
import { draftQuery } from "./queries";
import { WhatStep } from "./WhatStep";

const route = getRouteApi("/sell");
const STEPS = ["what", "price", "pictures"] as const;
type Step = (typeof STEPS)[number];

function StepList({ step }: { step: Step }) {
  const t = useText();
  return (
    <ol className="flex flex-wrap gap-x-6 gap-y-1">
      {STEPS.map((each, index) => (
        <li
          key={each}
          aria-current={each === step ? "step" : undefined}
          className="text-muted aria-[current=step]:text-ink aria-[current=step]:font-semibold"
        >
          {index + 1}. {t(`sell.step.${each}`)}
        </li>
      ))}
    </ol>
  );
}

function Steps({ draft }: { draft: Auction | undefined }) {
  const navigate = route.useNavigate();
  const [form, setForm] = useState<Form>(() => {
    const now = rostrum.clock.now();
    return draft === undefined ? emptyForm(now) : fromDraft(draft, now);
  });
  const [step, setStep] = useState<Step>(draft?.status === "draft" ? "pictures" : "what");
  const change = (part: Partial<Form>) => {
    setForm({ ...form, ...part });
  };
  return (
    <div className="grid gap-6">
      <StepList step={step} />
      {step === "what" && (
        <WhatStep
          form={form}
          onChange={change}
          onNext={() => {
            setStep("price");
          }}
        />
      )}
      {step === "price" && (
        <PriceStep
          form={form}
          draft={draft}
          onChange={change}
          onBack={() => {
            setStep("what");
          }}
          onSaved={(saved) => {
            setStep("pictures");
            void navigate({ search: { draft: saved.id }, replace: true });
          }}
        />
      )}
      {step === "pictures" && draft !== undefined && (
        <PicturesStep
          draft={draft}
          onBack={() => {
            setStep("price");
          }}
        />
      )}
      {step === "pictures" && draft === undefined && <Skeleton className="h-64" />}
    </div>
  );
}

function Loaded() {
  const { draft: id } = route.useSearch();
  const query = useQuery({ ...draftQuery(id ?? ""), enabled: id !== undefined });
  if (query.isError) {
    return <ErrorNotice error={query.error} onRetry={() => void query.refetch()} />;
  }
  return id !== undefined && query.data === undefined ? <Skeleton className="h-96" /> : <Steps draft={query.data} />;
}

export function SellPage() {
  const t = useText();
  return (
    <Page title={t("sell.title")}>
      <NeedsUser>
        <Loaded />
      </NeedsUser>
    </Page>
  );
}
